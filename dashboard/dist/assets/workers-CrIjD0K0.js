import{a as r}from"./index-BXlWhDTJ.js";import{P as e}from"./page-DH83ZbmL.js";function a(){return r(e,{title:"Workers",children:null})}export{a as default};
