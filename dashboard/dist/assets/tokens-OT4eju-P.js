import{a as e}from"./index-BXlWhDTJ.js";import{P as o}from"./page-DH83ZbmL.js";function n(){return e(o,{title:"Tokens",children:null})}export{n as default};
