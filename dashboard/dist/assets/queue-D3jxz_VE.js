import{a as e}from"./index-BXlWhDTJ.js";import{P as r}from"./page-DH83ZbmL.js";function a(){return e(r,{title:"Queue",children:null})}export{a as default};
